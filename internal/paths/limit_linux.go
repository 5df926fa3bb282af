package paths

const maxSocket = 107
