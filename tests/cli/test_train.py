"""`dfine train`: options from the command line, from a file, and from the run that is resumed."""

import pytest

from tests.cli.runner import run, sentence


def test_a_dry_run_reads_the_data_as_training_would(tmp_path):
    said = run("train", "--out", tmp_path / "a", "--data", tmp_path / "none", "--dry-run", code=1)
    assert "there is no data set" in sentence(said)
    assert run("train", "--out", tmp_path / "a", "--dry-run").stdout.startswith("# 4000 scenes an epoch of 24 classes")
    assert not (tmp_path / "a").exists()


def test_resuming_takes_the_options_of_the_run(tmp_path):
    small = ["--input", 64, "--queries", 20, "--pictures", 2, "--batch", 2, "--val-count", 2, "--device", "cpu"]
    run("train", "--out", tmp_path / "a", "--epochs", 1, "--watch", 1, *small)
    said = run("train", "--out", tmp_path / "a", "--resume", "--device", "cpu").stdout
    assert "is trained to the end already" in said
    again = run("train", "--out", tmp_path / "a", "--resume", "--epochs", 2, "--watch", 0, "--device", "cpu").stdout
    assert "epoch 2/2, 2 steps" in again
    other = run("train", "--out", tmp_path / "a", "--resume", "--batch", 4, "--device", "cpu", code=1)
    assert "batch was 2, now 4" in sentence(other)


def test_a_dry_run_prints_what_config_takes_back_and_options_win(tmp_path):
    told = ["train", "--out", str(tmp_path / "a"), "--size", "s", "--batch", "8", "--epochs", "3"]
    said = run(*told, "--dry-run")
    assert not (tmp_path / "a").exists()
    config = tmp_path / "run.yaml"
    config.write_text(said.stdout)
    again = run("train", "--out", str(tmp_path / "a"), "--config", str(config), "--dry-run")
    assert again.stdout == said.stdout
    assert "rate: 5.0e-05" in said.stdout and "warmup: 2000" in said.stdout  # 2e-4 and 500 for batches of 32
    changed = run("train", "--out", str(tmp_path / "b"), "--config", str(config), "--epochs", "5", "--dry-run")
    assert "epochs: 5\n" in changed.stdout and f"out: {tmp_path / 'b'}" in changed.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour: red", "option 'colour'"),
        ("3: 4", "option 3"),
        ("- a", "not a list of options"),
        ("a: [", "not a YAML file"),
        *[
            (f"{option}: {value}", f"run.yaml: {option}: ")
            for option, value in [
                ("batch", "abc"),
                ("batch", "0"),
                ("batch", "2.5"),
                ("epochs", "-1"),
                ("input", "333"),
                ("input", "16"),
                ("amp", "foo"),
                ("amp", "on"),
                ("workers", "-1"),
                ("accumulate", "0"),
                ("save_every", "0"),
                ("val_every", "0"),
                ("queries", "0"),
                ("ema", "2"),
                ("rate", "fast"),
                ("scales", "[a]"),
            ]
        ],
    ],
)
def test_a_wrong_configuration_is_named(tmp_path, text, said):
    config = tmp_path / "run.yaml"
    config.write_text(text)
    done = run("train", "--out", str(tmp_path / "a"), "--config", str(config), "--dry-run", code=1)
    assert said in sentence(done)


def test_a_configuration_is_read_as_the_command_line_is(tmp_path):
    config = tmp_path / "run.yaml"
    config.write_text("rate: 1e-4\nscales: on\nfreeze: off\nqueries: null\nbatch: null\ncompile: true\nbackbone: 5\n")
    done = run("train", "--out", str(tmp_path / "a"), "--config", str(config), "--size", "s", "--dry-run")
    for line in ("rate: 0.0001", "scales: 'on'", "freeze: 'off'", "queries: 300", "compile: true", "backbone: '5'"):
        assert f"{line}\n" in done.stdout
