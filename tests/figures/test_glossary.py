"""Words and their meanings: short, and each once."""

import pytest

from dfine.figures.glossary import GLOSSARY


@pytest.mark.parametrize("word", GLOSSARY)
def test_a_meaning_is_a_sentence_or_a_few(word):
    meaning = GLOSSARY[word]
    assert word == word.strip() and meaning == meaning.strip()
    assert meaning[0].isupper() and meaning.endswith(".") and len(meaning) < 220


def test_words_differ_without_their_capitals():
    assert len({word.casefold() for word in GLOSSARY}) == len(GLOSSARY)
