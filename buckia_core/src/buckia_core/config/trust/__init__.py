"""Trust: which files may configure Buckia, and which code they may run."""
