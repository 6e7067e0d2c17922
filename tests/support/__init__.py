"""What tests share: real servers on ports and in folders of their own."""
