"""The contract of adapters: `BaseSync`, what an adapter may declare, and the types that both sides exchange."""
