package vault

// OnHeaderStep has fn called after each step of replacing the header files.
func (v *Vault) OnHeaderStep(fn func(step string)) { v.files.reached = fn }
