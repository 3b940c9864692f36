# Writes a file as a C++ array: cmake -DIN=a.bin -DOUT=a.cc -DNAME=kName -P embed.cmake
file(READ ${IN} hex HEX)
string(LENGTH "${hex}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x..,){20})" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "extern const unsigned char ${NAME}[];\nextern const unsigned long ${NAME}Size;\n"
     "const unsigned char ${NAME}[] = {\n${bytes}};\nconst unsigned long ${NAME}Size = ${size};\n")
