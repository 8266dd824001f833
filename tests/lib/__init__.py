"""What the tests share: the gateway under test, a caller of its API, the contract, a recorder, made-up organisations."""
