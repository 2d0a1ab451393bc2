"""The proof: firmware, gateway and database under one seeded clock, every fault by name."""
