"""What the Python tests and the quickstart demonstration share."""
