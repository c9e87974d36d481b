from dfine.data.scenes.dataset import DIALS, NAMES, Scene, Scenes, draw, random_dials, write

__all__ = ["DIALS", "NAMES", "Scene", "Scenes", "draw", "random_dials", "write"]
