import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/** The addresses of this machine. None where a sandbox forbids to look (systemd's RestrictAddressFamilies=). */
export function machineAddresses(): NetworkInterfaceInfo[] {
  try {
    return Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  } catch {
    return [];
  }
}
