"""What a wallet keeps: documents, presentations, the ledger, public lists, its sealed key."""
