package keytype

import "math/big"

// rocaPrimes are those by which moduli of the keys below are told from others.
var rocaPrimes = []int64{
	3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
	101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
}

// isROCA reports whether a modulus was made by the library of CVE-2017-15361
// (Nemec and others, "The Return of Coppersmith's Attack", 2017), whose keys can
// be factored: modulo each of those primes it is a power of 65537. Of other
// moduli, one in more than 10^8 is.
func isROCA(n *big.Int) bool {
	rest := new(big.Int)
	for _, p := range rocaPrimes {
		r := rest.Mod(n, big.NewInt(p)).Int64()
		power := int64(1)
		for power != r {
			if power = power * rsaExponent % p; power == 1 {
				return false
			}
		}
	}
	return true
}
