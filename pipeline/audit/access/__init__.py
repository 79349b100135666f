"""Who read, wrote and was refused: what brokers count, and the events that are made of it."""
