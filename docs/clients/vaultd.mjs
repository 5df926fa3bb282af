#!/usr/bin/env node
// A vaultd client in Node, standard library only: JSON over HTTP.
//
//   vaultd.mjs status
//   vaultd.mjs create OWNER/NAME [TYPE]
//   vaultd.mjs encrypt OWNER/NAME < plaintext > ciphertext
//   vaultd.mjs decrypt < ciphertext > plaintext
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { homedir } from 'node:os'
import { join } from 'node:path'

// socketPath is the daemon's socket, as every client finds it.
export function socketPath(env = process.env) {
  if (env.VAULTD_SOCKET) return env.VAULTD_SOCKET
  const own = env.XDG_RUNTIME_DIR
    ? join(env.XDG_RUNTIME_DIR, 'vaultd', 'vaultd.sock')
    : join(env.XDG_STATE_HOME || join(homedir(), '.local/state'), 'vaultd', 'run', 'vaultd.sock')
  return existsSync(own) ? own : '/run/vaultd/vaultd.sock'
}

// VaultError is a refused call: a stable code, what is wrong, and the class of the code.
export class VaultError extends Error {
  constructor(code, message, exitClass) {
    super(`${code}: ${message}`)
    Object.assign(this, { code, exitClass })
  }
}

// call sends one request in protobuf's JSON and gives the answer.
export function call(method, message = {}, path = socketPath()) {
  return new Promise((resolve, reject) => {
    const req = request({
      socketPath: path,
      host: 'vaultd',
      method: 'POST',
      path: `/vaultd.v1.VaultService/${method}`,
      headers: { 'Content-Type': 'application/json' },
    }, (res) => {
      const parts = []
      res.on('data', (part) => parts.push(part))
      res.on('error', reject)
      res.on('end', () => {
        const answer = JSON.parse(Buffer.concat(parts).toString())
        if (res.statusCode === 200) return resolve(answer)
        const error = answer.details?.find((d) => d.debug)?.debug ?? {}
        reject(new VaultError(error.code ?? answer.code, answer.message, error.exit ?? 1))
      })
    })
    req.on('error', reject)
    req.end(JSON.stringify(message))
  })
}

export async function encrypt(key, plaintext) {
  return (await call('Encrypt', { key, plaintext: plaintext.toString('base64') })).ciphertext
}

export async function decrypt(ciphertext) {
  return Buffer.from((await call('Decrypt', { ciphertext })).plaintext ?? '', 'base64')
}

const [command, ...args] = process.argv.slice(2)
const stdin = () => readFileSync(0)
const show = (value) => console.log(JSON.stringify(value, null, 2))
try {
  switch (command) {
    case 'status': show(await call('Status')); break
    case 'create': show((await call('CreateKey', { name: args[0], type: args[1] ?? '' })).key); break
    case 'encrypt': console.log(await encrypt(args[0], stdin())); break
    case 'decrypt': process.stdout.write(await decrypt(stdin().toString().trim())); break
    default: throw new VaultError('usage', 'status, create, encrypt or decrypt', 2)
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = error.exitClass ?? 9
}
