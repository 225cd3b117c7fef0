"""Order and event files through a saved mapping: readers, the mapping, preview, load, mending."""
