"""The Faust app: transport, assignor, lanes, agents. Where records meet Kafka."""
