"""The core: pure NumPy, one function a loss, one file a family. It knows no file and no screen."""
