"""`python -m shuke` is the command line `shuke`."""

from shuke.project.commands import main

main()
