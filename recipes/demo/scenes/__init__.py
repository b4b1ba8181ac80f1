"""The drawn places of the demo set: a canvas, a box of props, and one function a scene."""
