"""Stored runs: their table, several of them compared, and results read in from files."""
