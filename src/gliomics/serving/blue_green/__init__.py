"""The champion behind a proxy: two servers, one of which answers, and a switch that drops no request."""
