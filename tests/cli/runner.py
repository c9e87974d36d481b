"""Commands run in this process, and what they say."""

from pathlib import Path

from typer.testing import CliRunner

from dfine.cli.main import app

ROOT = Path(__file__).parents[2]


def run(*arguments, code=0):
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == code, f"{done.output}\n{done.stderr}\n{done.exception!r}"
    return done


def sentence(done):
    """The one line on stderr that says what went wrong."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]
