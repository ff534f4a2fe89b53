"""OpenID for Verifiable Presentations 1.0: how a vendor asks, what answers it, and the answer itself."""
