"""The champion behind a proxy, on two servers in turn; which version that is, `registry` decides."""
