"""Other people's programs told of the node: Home Assistant, Grafana, webhooks."""
