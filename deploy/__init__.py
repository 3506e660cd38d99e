"""Running Yoake: the command line, the embedded runner, a ward's files."""
