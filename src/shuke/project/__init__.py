"""Project: settings, addresses, wiring and the command line. The only place that knows every room."""
