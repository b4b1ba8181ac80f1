"""What lies at addresses that strangers wrote: public hosts alone, within bounds, gently, resumed where it stopped."""
