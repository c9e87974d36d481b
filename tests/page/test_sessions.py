import gc

import pytest

gr = pytest.importorskip("gradio")

from gradio import state_holder

from dfine.page import sessions


@pytest.fixture
def page():
    with gr.Blocks() as page:
        gr.State(0)
        for number in range(40):
            gr.Slider(0, 100, number, label=f"slider {number}")
    return page


@pytest.fixture
def holder(page, monkeypatch):
    monkeypatch.setattr(state_holder, "SessionState", state_holder.SessionState)  # put back afterwards
    monkeypatch.setattr(state_holder.StateHolder, "update", state_holder.StateHolder.update)
    for name in ("GRADIO_ANALYTICS_MAX_EVENTS", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):
        monkeypatch.setenv(name, "")  # put back afterwards
    sessions.keep_less()
    page.state_session_capacity = 3
    holder = state_holder.StateHolder()
    holder.set_blocks(page)
    return holder


def test_a_session_keeps_its_state_and_components(page, holder):
    state, slider = list(page.blocks)[:2]
    session = holder["a"]
    assert session[state] == 0 and session[slider] is page.blocks[slider]
    session[state] = 7
    session[slider] = gr.Slider(0, 10, 3, render=False)
    session._update_value_in_config(slider, 5)
    session._update_config(slider)
    assert holder["a"][state] == 7 and holder["a"][slider].maximum == 10
    assert holder["b"][state] == 0 and holder["b"][slider] is page.blocks[slider], "others have their own"


def test_it_describes_nothing(page, holder):
    holder["a"]._update_value_in_config(next(iter(page.blocks)), 5)
    assert not list(holder["a"].components)


def test_of_calls_the_last_one_is_counted(page, holder):
    """Gradio would make a table of its last 10,000 calls after each of them."""
    queue = page.queue()._queue
    assert queue.ANALYTICS_MAX_EVENTS == 1
    queue.events_recorded = 10**9
    assert queue.compute_analytics_summary([{"function": "f", "process_time": 1, "status": "success"}]) == {
        "functions": {}
    }


def test_it_is_small(page, holder):
    def grown(made):
        gc.collect()
        before = len(gc.get_objects())
        kept = made()
        gc.collect()
        return len(gc.get_objects()) - before, kept

    ours, _ = zip(*(grown(lambda name=name: holder[name]) for name in "abc"))  # other threads make objects, too
    theirs, _ = grown(lambda: sessions._Plain(page))
    assert min(ours) < theirs / 5


def test_those_who_came_first_are_forgotten_first(holder):
    for name in "abcd":
        holder[name]
    assert list(holder.session_data) == ["b", "c", "d"]


def test_callers_take_no_visitors_place(page, holder):
    state = next(iter(page.blocks))
    for name in "ab":
        holder[name][state] = 1
    for number in range(10):
        holder[f"caller {number}"]
    assert [name for name in holder.session_data if len(name) == 1] == ["a", "b"]
    assert len(holder.session_data) == 2 + holder.capacity
    for name in "cd":
        holder[name][state] = 1
        holder[name]
    assert [name for name in holder.session_data if len(name) == 1] == ["b", "c", "d"]
