"""Writes the files of this folder anew."""

from data_platform_tests.definitions import write

write()
