/** Characters that control a terminal or change the direction of text. */
const ACTIVE = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu;

/** Text from outside made safe for a terminal: each active character becomes `�`. */
export const plain = (text: string): string => text.replaceAll(ACTIVE, '�');
