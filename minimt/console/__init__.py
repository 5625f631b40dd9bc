"""The command line: commands, their flags, and tables for a terminal."""
