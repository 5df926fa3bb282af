package audit_test

func child(string) {}
