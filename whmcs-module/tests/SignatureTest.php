<?php

declare(strict_types=1);

// php whmcs-module/tests/SignatureTest.php: the vector that bridge and module share. Exits 1 when anything is wrong.

require __DIR__ . '/../modules/servers/voipbridge/lib/Signature.php';

use VoipBridge\Signature;

set_error_handler(static function (int $level, string $message): bool {
    throw new \ErrorException($message, 0, $level);
});

$secret = '';
for ($byte = 0; $byte < 32; $byte++) {
    $secret .= chr($byte);
}
$nonce = '0123456789abcdef0123456789abcdef';
$body = '{"jsonrpc":"2.0","id":"c7","method":"service.apply","params":{"service_id":42}}';
$answer = '{"jsonrpc":"2.0","id":"c7","result":{"operation_id":"01J","state":"accepted"}}';
$signed = 'v1=8785f9c1b0a4f98a533970b78457fed7347011a12df54d7877b804bec414a03f';
$told = ['X-Bridge-Timestamp' => '1795190401', 'X-Bridge-Signature' => $signed];

$holds = static function (array $headers, array $other = []) use ($secret, $nonce, $answer): bool {
    $given = $other + ['status' => 200, 'key' => 'whmcs-main', 'nonce' => $nonce, 'body' => $answer];
    return Signature::isAnswerSigned(
        $secret,
        $headers,
        $given['status'],
        $given['key'],
        $given['nonce'],
        $given['body']
    );
};
$refuses = static function (string $text): bool {
    try {
        Signature::secret($text);
    } catch (\InvalidArgumentException $refused) {
        return $text === '' || strpos($refused->getMessage(), $text) === false;
    }
    return false;
};

$checks = [
    'the body of the vector has the printed digest' =>
        hash('sha256', $body) === '8802003700a473fa63a12b3a3e94ffe79ac2bbececd84220f1eb6cddad7b4044',
    'the request of the vector is signed as printed' =>
        Signature::requestHeaders(
            $secret,
            'POST',
            '/rpc/v1',
            'bridge-example',
            'whmcs-main',
            1795190400,
            $nonce,
            $body
        ) === [
            'X-Bridge-Key' => 'whmcs-main',
            'X-Bridge-Timestamp' => '1795190400',
            'X-Bridge-Nonce' => $nonce,
            'X-Bridge-Signature' => 'v1=d394e19c50e538314a454404693ac25f0f2df5d61024ee839ee1f6482b58b7df',
        ],
    'the answer of the vector holds' => $holds($told),
    'names of headers are read in any case' => $holds(array_change_key_case($told, CASE_UPPER)),
    'while a key is rotated one of two signatures is enough' =>
        $holds(['X-Bridge-Signature' => 'v1=' . str_repeat('0', 64) . ', ' . $signed] + $told),
    'an answer to another request does not hold' => !$holds($told, ['nonce' => str_repeat('f', 32)]),
    'another status does not hold' => !$holds($told, ['status' => 503]),
    'another key does not hold' => !$holds($told, ['key' => 'another']),
    'a changed body does not hold' => !$holds($told, ['body' => $answer . ' ']),
    'another time does not hold' => !$holds(['X-Bridge-Timestamp' => '1795190402'] + $told),
    'a time that is no plain number does not hold' => !$holds(['X-Bridge-Timestamp' => "1795190401\n"] + $told),
    'an unsigned answer does not hold' => !$holds([]),
    'an empty signature does not hold' => !$holds(['X-Bridge-Signature' => ''] + $told),
    'a signature of another version does not hold' =>
        !$holds(['X-Bridge-Signature' => str_replace('v1=', 'v2=', $signed)] + $told),
    'more signatures than three do not hold' =>
        !$holds(['X-Bridge-Signature' => implode(',', array_fill(0, 4, $signed))] + $told),
    'a secret is 32 bytes in base64' => Signature::secret(base64_encode($secret) . "\n") === $secret,
    'any other secret is refused and not quoted' =>
        $refuses('') && $refuses('c2hvcnQ=') && $refuses('no base64 at all!'),
    'a nonce is 32 hexadecimal digits, new each time' =>
        preg_match('/\A[0-9a-f]{32}\z/', Signature::nonce()) === 1 && Signature::nonce() !== Signature::nonce(),
];

$failed = array_keys(array_filter($checks, static function (bool $isTrue): bool {
    return !$isTrue;
}));
foreach ($failed as $sentence) {
    fwrite(STDERR, "not true: $sentence\n");
}
printf("Signature: %d of %d sentences are true\n", count($checks) - count($failed), count($checks));
exit($failed === [] ? 0 : 1);
