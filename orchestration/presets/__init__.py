"""What the product ships with: the intents of a shop, and whatever else an admin starts from."""
