"""What a run of `dfine explore` writes."""

from pathlib import Path

from dfine.cli.explore_options import Out


def test_the_files_that_are_written():
    assert Out().files == ()
    out = Out(report=Path("r"), export=Path("e"), prelabel=Path("p"), suspects=Path("a/s.csv"), sampling=Path("n.csv"))
    assert out.files == (Path("r"), Path("e"), Path("p"), Path("a/s.csv"), Path("n.csv"))
    assert Out(suspects=Path("a/s.csv"), folds=3).files == (Path("a/s.csv"), Path("a/s-folds"))
    assert Out(folds=3).folds_folder is None
