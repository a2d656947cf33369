package ddp_test

func idleClients(string) {}
