"""A comparison of the decoder with reference renderers on any folder of files."""
