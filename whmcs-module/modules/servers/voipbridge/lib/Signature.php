<?php

declare(strict_types=1);

namespace VoipBridge;

/**
 * How a message to the bridge proves who sent it, and its answer who answered: HMAC-SHA256 over eight lines, six for
 * the answer. The same text and the same vector as bridge/signature.py.
 *
 * The body is signed as the bytes that travel: encode it once, sign it, send it, never encode it again.
 */
final class Signature
{
    public const REQUEST = 'BRIDGE-HMAC-SHA256-1';
    public const RESPONSE = 'BRIDGE-HMAC-SHA256-1-RESPONSE';

    /** The 32 bytes behind a secret as `bridge keys add` shows it. */
    public static function secret(string $base64): string
    {
        $bytes = base64_decode(trim($base64), true);
        if ($bytes === false || strlen($bytes) !== 32) {
            throw new \InvalidArgumentException('The secret of the bridge is not 32 bytes in base64.');
        }
        return $bytes;
    }

    /** New for every HTTP request, also for a repeat of the same call. */
    public static function nonce(): string
    {
        return bin2hex(random_bytes(16));
    }

    /** @return array<string, string> */
    public static function requestHeaders(
        string $secret,
        string $method,
        string $path,
        string $audience,
        string $keyId,
        int $timestamp,
        string $nonce,
        string $body
    ): array {
        $lines = [
            self::REQUEST, $method, $path, $audience, $keyId, (string) $timestamp, $nonce, hash('sha256', $body),
        ];
        return [
            'X-Bridge-Key' => $keyId,
            'X-Bridge-Timestamp' => (string) $timestamp,
            'X-Bridge-Nonce' => $nonce,
            'X-Bridge-Signature' => 'v1=' . self::sign($secret, $lines),
        ];
    }

    /**
     * Whether an answer is the bridge's own and belongs to our request. If it is not, it is no answer at all: what was
     * asked may or may not have happened.
     *
     * @param array<string, string> $headers
     */
    public static function isAnswerSigned(
        string $secret,
        array $headers,
        int $status,
        string $keyId,
        string $nonce,
        string $body
    ): bool {
        $headers = array_change_key_case($headers, CASE_LOWER);
        $timestamp = $headers['x-bridge-timestamp'] ?? '';
        $given = array_map('trim', explode(',', $headers['x-bridge-signature'] ?? ''));
        if (preg_match('/\A(?:0|[1-9][0-9]{0,11})\z/', $timestamp) !== 1 || count($given) > 3) {
            return false;
        }
        $lines = [self::RESPONSE, (string) $status, $keyId, $timestamp, $nonce, hash('sha256', $body)];
        $expected = 'v1=' . self::sign($secret, $lines);
        $isSigned = false;
        foreach ($given as $signature) {
            // Every one is compared, so that the time it takes tells nothing.
            $isSigned = hash_equals($expected, $signature) || $isSigned;
        }
        return $isSigned;
    }

    /** @param list<string> $lines */
    private static function sign(string $secret, array $lines): string
    {
        return hash_hmac('sha256', implode("\n", $lines), $secret);
    }
}
