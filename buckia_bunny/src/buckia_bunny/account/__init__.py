"""Account API of bunny.net."""
