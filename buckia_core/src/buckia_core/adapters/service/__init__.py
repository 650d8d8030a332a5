"""What adapters share for talking to a service: proxies, certificates, redirects, bounds on pages."""
