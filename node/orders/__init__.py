"""Orders in, receipts out: typed data, what an account holds, and the books as everybody may see them."""
