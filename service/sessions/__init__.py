"""Sessions: who comes, who is missing, whom they meet, when and at which table."""
