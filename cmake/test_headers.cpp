// Carries the headers that the test programs share, parsed once (SofiaRoom.cmake).
int main() { return 0; }
