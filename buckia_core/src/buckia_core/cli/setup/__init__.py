"""What `buckia init` asks and writes."""
