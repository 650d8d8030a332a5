"""Edge Storage API of bunny.net."""
