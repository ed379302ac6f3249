"""The commands, by what they are about. Heavy modules are imported where they are needed."""
