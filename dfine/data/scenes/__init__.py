from dfine.data.scenes.dataset import DIALS, NAMES, Scene, Scenes, cores, draw, random_dials, size_for, write

__all__ = ["DIALS", "NAMES", "Scene", "Scenes", "cores", "draw", "random_dials", "size_for", "write"]
