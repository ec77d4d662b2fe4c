"""One job on several hosts: imported by such jobs only."""
