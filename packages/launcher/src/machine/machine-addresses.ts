import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/** The addresses of this machine; empty if a sandbox denies access (systemd's RestrictAddressFamilies=). */
export function machineAddresses(): NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  } catch {
    return [];
  }
}
