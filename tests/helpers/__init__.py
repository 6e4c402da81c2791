"""What several tests share: small networks, pictures, runs, and the page served."""
