"""Other servers with the same network. Each module is a program of one server, in that server's environment."""
